window.deep = (root, what) => {
  for (const each of root.querySelectorAll("*")) {
    if (each.matches(what)) return each;
    const found = each.shadowRoot && deep(each.shadowRoot, what);
    if (found) return found;
  }
};
(async () => {
  const wait = ms => new Promise(done => setTimeout(done, ms));
  for (let n = 0; n < 40 && !deep(document, "input[name=password]"); n++) await wait(500);
  const put = (name, value) => {
    const box = deep(document, `input[name=${name}]`);
    box.value = value;
    for (const kind of ["input", "change"])
      box.dispatchEvent(new Event(kind, { bubbles: true, composed: true }));
  };
  put("username", "ann");
  await wait(300);
  put("password", "made-up-password");
  await wait(300);
  setTimeout(() => (deep(document, "mwc-button") || deep(document, "ha-button")).click(), 100);
})()
// next page
(async () => {
  const wait = ms => new Promise(done => setTimeout(done, ms));
  await wait(8000);
  const { conn } = await window.hassConnection;
  await conn.sendMessagePromise({
    type: "call_service", domain: "persistent_notification", service: "create",
    service_data: { title: "Hello", message: "from the page" },
  });
  await wait(2000);
})()
