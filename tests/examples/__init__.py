"""The examples of the repository, started as their READMEs say and asked."""
