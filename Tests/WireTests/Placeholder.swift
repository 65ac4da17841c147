// Tests of Wire live in this target.
