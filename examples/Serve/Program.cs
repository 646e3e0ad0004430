// One network for many tenants: each has an adapter of a few kilobytes. POST a picture to /predict?adapter=NAME; drop a file NAME.safetensors
// into the folder of adapters and the tenant is served, or served anew. `--folder F` names that folder, `--urls` the address.
using MappingNets;
using MappingNets.Examples.Serve;

OneLine.ForFaults();
var folder = args is [.., ['-', '-', ..] last] && !last.Contains('=') ? throw new ArgumentException($"'{last}' needs a value.")
    : new ConfigurationBuilder().AddCommandLine(args).Build()["folder"] ?? "adapters";
using var network = Tenants.Prepare(folder);
await using var app = Service.Build(network, folder, args);
await app.RunAsync();
