"""Nobody reads or changes what belongs to another organization or patient."""
