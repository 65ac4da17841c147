// Tests of Adapters live in this target.
