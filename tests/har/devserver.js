// At /client. PLACE is query, subprotocol or message; notifyws serve --user demo:made-up-password --traffic 1
(async () => {
  const wait = ms => new Promise(done => setTimeout(done, ms));
  const form = document.forms[0];
  form.password.value = "made-up-password";
  form.place.value = "PLACE";
  form.requestSubmit();
  await wait(6000);
  const body = JSON.stringify({ type: "trip_update", title: "Trip Started", message: "The trip has begun", link: "/trips/1", data: { tripId: "1" } });
  await fetch("/_dev/notify", { method: "POST", body });
  await wait(1500);
})()
