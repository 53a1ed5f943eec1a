"""What every daemon needs: settings, logs, metrics, health, life cycle."""
