/// Why a base model cannot be used.
package enum ModelError: Error, Equatable, CustomStringConvertible {
    /// `config.json` is not a JSON object, or a value in it is missing or makes no sense.
    case invalidConfiguration(file: String, reason: String)
    /// The configuration asks for something this engine does not compute.
    case unsupported(file: String, feature: String, supported: String)
    /// A weight is missing or has another shape than the configuration says.
    case invalidWeight(path: String, name: String, reason: String)

    package var description: String {
        switch self {
        case .invalidConfiguration(let file, let reason): "\(file): \(reason)"
        case .unsupported(let file, let feature, let supported):
            "\(file): \(feature) is not supported; supported: \(supported)"
        case .invalidWeight(let path, let name, let reason): "\(path): the weight \(name) \(reason)"
        }
    }
}
