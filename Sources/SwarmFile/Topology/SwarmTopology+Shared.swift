import Adapters
import Basics

extension SwarmTopology {
    /// What must be the same at all peers of a swarm, key by key, as the file has it: every key that is declared as shared,
    /// then who the peers are. A key that a file does not give and that has no value is left out.
    ///
    /// The base model and a template of one's own are named by paths, which may differ; whoever has read them puts their
    /// digests in place.
    package var sharedSettings: [(key: String, value: String)] {
        func shared<Section: KeyedSection>(_ section: Section, _ name: String) -> [(key: String, value: String)] {
            Section.keys.compactMap { key in
                guard key.description.isShared, key.description.nested.isEmpty else { return nil }
                return key.written(of: section).map { (name + key.name, $0.replacing("\"", with: "")) }
            }
        }
        var settings = shared(swarm, "swarm.") + shared(model.lora, "model.lora.") + shared(tuning, "tuning.")
        settings += shared(data, "data.") + shared(data.fields, "data.fields.")
        if data.source != nil { settings += shared(data.partition, "data.partition.") }
        // Of peers whose files leave it out it is the same as of those that give it.
        var exchange = exchange
        if residualRank > 0 { exchange.residualRank = residualRank }
        settings += shared(exchange, "exchange.") + shared(graph, "graph.")
        if graph.kind == .edges { settings.append(("graph.edges", edgesText)) }
        settings.append(("peers", peers.map { "\($0.name) \($0.id?.description ?? "")" }.joined(separator: ", ")))
        return settings
    }
}
