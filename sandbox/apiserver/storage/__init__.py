"""The objects and their history: versions, conflicts, watches, deletion."""
