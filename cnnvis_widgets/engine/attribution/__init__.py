"""Attribution: which parts of the image, and which channels, a class score depends on."""
