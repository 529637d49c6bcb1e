"""Reports: events in, text out. A format sees events and findings only."""

__all__ = ["event_log", "json_report", "terminal"]
