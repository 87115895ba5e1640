"""The image as it is fed, and the ways to another one."""
