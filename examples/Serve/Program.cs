// One network for many tenants: each has an adapter of a few kilobytes. POST a picture to /predict?adapter=NAME; drop a file NAME.safetensors
// into the folder of adapters and the tenant is served, or served anew. `--folder F` names that folder (artifacts/serve/adapters), `--urls` the address.
using MappingNets;
using MappingNets.Examples.Serve;

OneLine.ForFaults();
var folder = args.SelectMany(word => word is ['-', '-', ..] ? word.Split('=', 2) : [word]).Chunk(2).All(pair => pair is ["--folder" or "--urls" or "--kept", _])
    ? new ConfigurationBuilder().AddCommandLine(args).Build()["folder"] ?? Path.Combine("artifacts", "serve", "adapters") : throw new ArgumentException($"There is '{string.Join(' ', args)}'; it takes --folder F, --urls U and --kept N.");
using var network = Tenants.Prepare(folder);
await using var app = Service.Build(network, folder, args);
await app.RunAsync();
