// One network, an adapter for each tenant: adapters/base.safetensors holds the network's weights (DirectModel.Export), each other
// adapters/NAME.safetensors the adapter NAME (FineTunedModel.SaveAdapter). POST a picture to /predict?adapter=NAME.
using MappingNets;

const int Side = 28;
var builder = WebApplication.CreateBuilder(args);
var folder = builder.Configuration["folder"] ?? "adapters";
var start = Path.Combine(folder, "base.safetensors");
if (!File.Exists(start))
{
    Console.Error.WriteLine($"There is no {Path.GetFullPath(start)}; export the network's weights there first, or name another folder with --folder.");
    return 2;
}

using var pretrained = PretrainedWeights.FromFile(start);
using var host = new AdapterHost(Targets.Cnn2(), pretrained);
foreach (var path in Directory.GetFiles(folder, "*.safetensors").Where(path => path != start))
    host.Add(Path.GetFileNameWithoutExtension(path), path);

var app = builder.Build();
app.MapGet("/health", () => new { status = "ok", adapters = host.Names.Count });
app.MapGet("/adapters", () => host.Names.Order());
app.MapPost("/predict", async (HttpRequest request, string? adapter) =>
{
    using var body = new MemoryStream();
    await request.Body.CopyToAsync(body);
    try
    {
        using var picture = Picture.Read(body.ToArray(), Side, Side, channels: 1);
        using var scores = host.Predict(picture, adapter);
        using var row = scores[0];
        return Results.Ok(row.data<float>().ToArray());
    }
    catch (KeyNotFoundException fault)
    {
        return Results.Problem(fault.Message, statusCode: StatusCodes.Status404NotFound);
    }
    catch (DatasetFormatException fault)
    {
        return Results.Problem(fault.Message, statusCode: StatusCodes.Status400BadRequest);
    }
});
await app.RunAsync();
return 0;
