package import Storage

/// Where the weights of a base model are read from, by their Hugging Face names: safetensors files, or a GGUF file that
/// calls and orders them otherwise.
package protocol CheckpointWeights: Sendable {
    /// The file or folder, for errors.
    var path: String { get }
    /// The names of all weights, in an order that does not change.
    var tensorNames: [String] { get }
    /// The shape of a weight, outermost dimension first, if it is there.
    func shape(of tensor: String) -> [Int]?
    /// The type in which a weight is stored, for example `BF16`, if it is there.
    func type(of tensor: String) -> String?
    /// The values of a weight, row-major. Throws what reading the file throws.
    func floats(named tensor: String) throws -> [Float]
}

extension CheckpointWeights {
    /// Whether there is a weight of this name.
    package func contains(_ tensor: String) -> Bool { shape(of: tensor) != nil }
}

extension WeightsDirectory: CheckpointWeights {}
