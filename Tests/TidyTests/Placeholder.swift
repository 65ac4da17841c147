// Tests of Tidy live in this target.
