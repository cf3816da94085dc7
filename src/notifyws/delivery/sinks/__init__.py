"""What notifications are delivered to: one foreign thing a module, one protocol.

A sink (``delivery.worker.Sink``) takes one notification, whole, and returns when it
has it; what goes wrong is :class:`~notifyws.errors.DeliveryFailed`, final or worth
another try. Remote text is data for a sink, never code, and nothing secret of ours is
passed on: what a hook sees is ``exec.hook_environment`` and the
``NOTIFICATION_...`` variables beside it.
"""

__all__ = ["apprise", "desktop", "exec", "forward", "tee"]
