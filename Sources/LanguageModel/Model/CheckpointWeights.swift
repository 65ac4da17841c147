import Basics
package import LinearAlgebra
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
    /// The file that holds a weight, if it is there.
    func file(holding tensor: String) -> String?
    /// The type in which a weight is stored, for example `BF16`, if it is there.
    func type(of tensor: String) -> String?
    /// The values of a weight, row-major. Throws what reading the file throws.
    func floats(named tensor: String) throws -> [Float]
    /// The blocks in which a weight is stored, if it is in blocks that matrices keep.
    func blockFormat(of tensor: String) -> WeightBlocks.Format?
    /// Those blocks, row-major. Throws what reading the file throws.
    func blocks(named tensor: String) throws -> WeightBlocks?
}

extension CheckpointWeights {
    package func blockFormat(of tensor: String) -> WeightBlocks.Format? { nil }
    package func blocks(named tensor: String) throws -> WeightBlocks? { nil }

    /// How a weight is kept that is to stay as its file has it: bfloat16 and blocks as they are, all else as 32-bit
    /// floats, for float16 has bits that bfloat16 would drop.
    func ownStorage(of tensor: String) -> WeightStorage {
        if let format = blockFormat(of: tensor) { return format.storage }
        return type(of: tensor) == "BF16" ? .bfloat16 : .float32
    }

    /// Whether there is a weight of this name.
    package func contains(_ tensor: String) -> Bool { shape(of: tensor) != nil }

    /// Whether there is an output head with other values than the embedding has. Reads both, one after the other.
    func hasHeadOfItsOwn() throws -> Bool {
        let names = ["model.embed_tokens.weight", "lm_head.weight"]
        let shapes = names.map { shape(of: $0) }
        guard let head = shapes[1], let embedding = shapes[0] else { return false }
        guard head == embedding else { return true }
        // By a hash of each, so that one table is in memory at a time.
        let hashes = try names.map { WordHash.of(try floats(named: $0)) }
        return hashes[0] != hashes[1]
    }

    /// A weight as a part of a matrix that keeps it as `storage`. Throws `ModelError.notFinite`, or what reading throws.
    func part(named tensor: String, storage: WeightStorage) throws -> FrozenMatrix.Part {
        if blockFormat(of: tensor)?.storage == storage, let blocks = try blocks(named: tensor), blocks.isFinite {
            return .blocks(blocks)
        }
        return .values(try finiteFloats(named: tensor))
    }

    /// The values of a weight, which are refused where one is not finite: `ModelError.notFinite`.
    func finiteFloats(named tensor: String) throws -> [Float] {
        let values = try floats(named: tensor)
        if let found = NotFiniteValues.find(in: values[...]) {
            throw ModelError.notFinite(
                path: file(holding: tensor) ?? path, name: tensor, shape: shape(of: tensor) ?? [values.count], found)
        }
        return values
    }
}

extension WeightsDirectory: CheckpointWeights {
    package func file(holding tensor: String) -> String? { file(of: tensor)?.name }
}
