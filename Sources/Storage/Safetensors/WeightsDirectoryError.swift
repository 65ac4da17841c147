/// Why a model's folder of weights is refused.
package enum WeightsDirectoryError: Error, Equatable, CustomStringConvertible {
    /// The folder holds no safetensors weights.
    case noWeights(path: String)
    /// The index of the shards is wrong.
    case invalidIndex(file: String, reason: String)

    package var description: String {
        switch self {
        case .noWeights(let path):
            "\(path): neither model.safetensors nor model.safetensors.index.json is there; "
                + "save the model as safetensors (pickled .bin files are not read)"
        case .invalidIndex(let file, let reason): "\(file): \(reason)"
        }
    }
}
