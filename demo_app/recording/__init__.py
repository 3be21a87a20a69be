"""Recording a session and playing it again."""
