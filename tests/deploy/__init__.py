"""What is deployed: containers, edge boxes, wheels; run here as processes."""
