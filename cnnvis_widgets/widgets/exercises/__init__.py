"""Questions to students in a notebook, and the students' answers."""
