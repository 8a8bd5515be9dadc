"""Names of the facts that worker and door tell each other through the store."""

BOT_USER = "bot_user_id"
"""The bot's own numeric user id in GitLab, as the worker found out."""

WORKER_SEEN = "worker_seen_at"
"""When the worker last gave a sign of life, in seconds since 1970."""

DOOR_SEEN = "door_seen_at"
"""When the door last proved that it can store, in seconds since 1970."""
