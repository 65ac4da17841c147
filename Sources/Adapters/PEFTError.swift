/// Why a PEFT directory is refused.
package enum PEFTError: Error, Equatable, CustomStringConvertible {
    /// `adapter_config.json` is not what PEFT writes.
    case invalidConfiguration(file: String, reason: String)
    /// The configuration asks for a feature that this project does not have.
    case unsupported(file: String, setting: String, value: String)
    /// The tensors are not those of a LoRA adapter, or contradict the configuration.
    case invalidTensors(file: String, reason: String)
    /// The adapter was made for another base model.
    case doesNotFit(path: String, reason: String)

    package var description: String {
        switch self {
        case .invalidConfiguration(let file, let reason): "\(file): \(reason)"
        case .unsupported(let file, let setting, let value):
            "\(file): \(setting) is \(value), which is not supported; plain LoRA on projections of decoder layers is"
        case .invalidTensors(let file, let reason): "\(file): \(reason)"
        case .doesNotFit(let path, let reason):
            "\(path): the adapter does not fit this base model: \(reason); use the model that it was trained on"
        }
    }
}
