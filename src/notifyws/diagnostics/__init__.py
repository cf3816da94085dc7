"""Why nothing arrives: checks, probes, judgements, and the report of ``status``.

It looks at the parts that the rooms below build, changes nothing of them, and knows
nothing of how a report is drawn or printed. What is found is judged in pure modules.

- ``account_findings``: the same of tokens, and of what listeners say; pure.
- ``connection_probe``: one connection opened for a look, as listeners do.
- ``findings``: what a check found, and what to try next; what frames show; pure.
- ``profile_check``: walks a profile against a real server, step by step.
- ``report``: runs the checks, and what they found as one value.

Within: ``health_checks`` has the checks of ``status --check`` in their order, and
``probes`` DNS, TCP, TLS and the server's clock, one by one.
"""

__all__ = [
    "account_findings",
    "connection_probe",
    "findings",
    "profile_check",
    "report",
]
