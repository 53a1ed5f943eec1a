"""`kubectl wpa`: switch the dry-run of many autoscalers from the command line."""
