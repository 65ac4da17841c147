// Tests of LinearAlgebra live in this target.
