"""What the commands in comments do, once it is clear who asks."""
