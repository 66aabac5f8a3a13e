"""Methods that hold fine-tuning back: penalties on weights and features."""
