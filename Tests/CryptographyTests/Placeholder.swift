// Tests of Cryptography live in this target.
