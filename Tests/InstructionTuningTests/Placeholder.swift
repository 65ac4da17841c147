// Tests of InstructionTuning live in this target.
