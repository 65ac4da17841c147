import Basics
internal import LinearAlgebra

/// The dropout of one pass over the adapters: as in PEFT each module drops values of its own input independently.
struct DropoutPlan {
    /// A number that differs from pass to pass and fixes what is dropped.
    let seed: UInt64
    /// The probability to drop a value.
    let probability: Double

    /// The dropout of module `number`.
    func dropout(module number: Int) -> Dropout {
        var generator = SeededGenerator(seed: seed, label: "dropout", index: UInt64(number))
        return Dropout(key: generator.next(), probability: probability)
    }
}
