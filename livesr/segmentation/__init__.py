"""Model packages, the engines that execute them, and the way from features to masks."""
