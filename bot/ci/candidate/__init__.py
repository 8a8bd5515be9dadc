"""What the smoke job runs inside the candidate: whatever the image holds besides, only its Python is needed.

The folder is copied into the job as it is. Only the standard library, Python 3.8 or later; nothing of the service.
"""
