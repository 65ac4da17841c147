import LinearAlgebra
package import MurmurKit

extension ServedModel {
    /// The base model and its adapters, which share its weights and take turns on all processors. An adapter is `NAME=PATH`
    /// or `PATH`, which is called by its last folder, or the one above where that is only called `adapter`.
    package static func load(
        base: String, adapters: [String], weights: WeightChoice, template: String?, settings: ServingSettings
    ) throws -> [ServedModel] {
        let model = try AdaptedModel(base: base, adapter: nil, weights: weights)
        var named = [(name: name(ofPath: base), model: model)]
        for adapter in adapters {
            let parts = adapter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let isNamed = parts.count == 2 && !parts[0].isEmpty && !parts[0].contains("/")
            let path = isNamed ? parts[1] : adapter
            named.append((isNamed ? parts[0] : name(ofPath: path), try model.adapted(by: path)))
        }
        for (index, entry) in named.enumerated() where named[..<index].contains(where: { $0.name == entry.name }) {
            throw CommandFailure("two models are called \(entry.name): give one a name, --adapter NAME=DIRECTORY")
        }
        return try named.map { entry in
            try ServedModel(
                name: entry.name, entry.model, template: template, settings: settings, lane: .shared(for: 0),
                threads: ComputeLane.all.count)
        }
    }

    private static func name(ofPath path: String) -> String {
        let parts = path.split(separator: "/").map(String.init)
        guard let last = parts.last else { return path }
        return last == "adapter" && parts.count > 1 ? parts[parts.count - 2] : last
    }
}
