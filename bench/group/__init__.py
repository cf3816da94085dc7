"""How far a fleet goes: real listeners on a real Valkey, and many more in a model.

    server      the development server, in a process of its own
    host        a process of many real listeners, one of every group
    valkey_use  what a Valkey did meanwhile: commands, time, bytes, memory
    processes   the two, as they are started and read
    listeners   200 listeners in 40 groups: what they cost, and when leaders die
    throughput  a group beside one listener, as fast as they read; and how late
    load        what Valkey's time goes to, when it has much to do
    model       10,000 listeners in virtual time, made of the parts that decide
    figures     what was measured, kept in a file, and the tables of it
    page        the part of docs/fleet-scale.md that is made of them

``make fleet`` runs all of it and prints one table.
"""
