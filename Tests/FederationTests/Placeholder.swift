// Tests of Federation live in this target.
