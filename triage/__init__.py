"""NeuroTriage: brain MRI in, a ranked worklist out, every reading kept. Research use only."""
