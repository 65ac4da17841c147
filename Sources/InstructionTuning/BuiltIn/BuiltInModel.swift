package import Foundation

/// `builtin:fledgling`: a Llama-architecture base of one million parameters, pre-trained on generated plain text and
/// never on instructions (docs/fledgling.md). It is small enough to be part of the package.
package enum BuiltInModel {
    /// The directory with config.json, tokenizer.json and model.safetensors.
    package static var fledglingDirectory: URL {
        Bundle.module.bundleURL.appending(path: "Fledgling", directoryHint: .isDirectory)
    }
}
