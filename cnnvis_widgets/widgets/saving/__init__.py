"""Results of the explorer as files, films and pages."""
