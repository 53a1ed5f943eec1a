"""The fault matrix: every fault against every state of an object, judged by what was really so."""
