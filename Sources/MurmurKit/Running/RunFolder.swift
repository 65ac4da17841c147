package import Foundation
package import Storage
package import SwarmFile

/// The folder of a swarm's run: `topology.yaml` with everyone's identity, and a folder a peer.
package struct RunFolder: Sendable {
    /// The folder.
    package let url: URL
    /// The topology with identities, keys and addresses.
    package let topology: SwarmTopology
    /// What keeps other processes out of the folder as long as this is there; nil for one that is only read.
    package var lock: FolderLock?

    /// Where the resolved topology lies.
    package var topologyPath: String { url.appendingPathComponent("topology.yaml").path }

    /// A peer's folder.
    package func peer(_ name: String) -> URL { url.appendingPathComponent(name, isDirectory: true) }

    /// A peer's PEFT directory.
    package func adapter(of name: String) -> URL { peer(name).appendingPathComponent("adapter", isDirectory: true) }

    /// A peer's event log.
    package func events(of name: String) -> URL { peer(name).appendingPathComponent("events.jsonl") }

    /// A peer's identity file.
    package func identity(of name: String) -> URL { peer(name).appendingPathComponent("identity") }

    /// The figures of a run, for programs.
    package var summary: URL { url.appendingPathComponent("summary.json") }

    /// The report, for a browser.
    package var report: URL { url.appendingPathComponent("report.html") }

    /// What passed the relay of a run with faults.
    package var relayTraffic: URL { url.appendingPathComponent("relay.jsonl") }

    package init(url: URL, topology: SwarmTopology) {
        self.url = url
        self.topology = topology
    }
}
