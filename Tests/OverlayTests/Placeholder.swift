// Tests of Overlay live in this target.
