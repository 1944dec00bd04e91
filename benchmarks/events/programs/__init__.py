"""Programs that run as processes of their own: one worker and one sender per contestant."""
