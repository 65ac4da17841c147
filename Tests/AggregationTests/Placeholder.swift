// Tests of Aggregation live in this target.
