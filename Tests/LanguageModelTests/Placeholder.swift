// Tests of LanguageModel live in this target.
