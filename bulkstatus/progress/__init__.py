"""How a run is getting on, told on stderr while it goes."""

from bulkstatus.progress.view import observe

__all__ = ["observe"]
