using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;
using TorchSharp;

namespace MappingNets.Examples.FineTune;

/// <summary>One session of ONNX Runtime for all customers: what their adapters change is given to each run.</summary>
internal sealed class Server(string file, OnnxTarget target) : IDisposable
{
    private const int Tile = 128;

    // Without the warning for each tensor that a run may replace.
    private static readonly SessionOptions Quiet = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

    private readonly InferenceSession session = new(file, Quiet);
    private readonly RunOptions options = new();
    private readonly Dictionary<string, (OrtValue[] Values, string[] Names, long Bytes)> customers = [];

    public void Add(string customer, IReadOnlyList<OnnxOverride> tensors) => customers[customer] = (
        [.. tensors.Select(tensor => OrtValue.CreateTensorValueFromMemory(tensor.Values.ToArray(), [.. tensor.Shape]))],
        [.. tensors.Select(tensor => tensor.Name)],
        tensors.Sum(tensor => 4L * tensor.Values.Length));

    /// <summary>The scores of some pictures, shape (N, classes).</summary>
    public float[] Predict(string customer, torch.Tensor inputs)
    {
        var (values, names, _) = customers[customer];
        using var pictures = OrtValue.CreateTensorValueFromMemory(inputs.contiguous().data<float>().ToArray(), inputs.shape);
        using var outputs = session.Run(options, [session.InputNames[0], .. names], [pictures, .. values], [target.Output]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public void ShowAgreement(Model first, Model second, Dataset data)
    {
        using var scope = torch.NewDisposeScope();
        using var few = data.Take(10);
        foreach (var (name, model) in new[] { ("first", first), ("second", second) })
        {
            var expected = model.Predict(few.Inputs).data<float>().ToArray();
            var found = Predict(name, few.Inputs);
            var difference = expected.Zip(found, (one, other) => MathF.Abs(one - other)).Max() / expected.Max(MathF.Abs);
            Console.WriteLine($"  the {name} customer's scores differ from this library's by {difference:E1} of the largest");
        }
    }

    public void ShowSwaps(Dataset data)
    {
        using var one = data.Take(1);
        var (same, swapped) = (Median(_ => "first"), Median(run => run % 2 == 0 ? "first" : "second"));
        var started = Stopwatch.GetTimestamp();
        using (new InferenceSession(file, Quiet))
            Console.WriteLine(
                $"  one picture: {same:F2} ms for one customer, {swapped:F2} ms where each run is for the other one; a session of its own takes "
                + $"{Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms to open\n  in memory: {customers["second"].Bytes:N0} bytes for each "
                + $"customer; a session of its own holds {new FileInfo(file).Length:N0} bytes of weights");

        double Median(Func<int, string> customer)
        {
            var times = new double[201];
            for (var run = 0; run < times.Length; run++)
            {
                var begun = Stopwatch.GetTimestamp();
                Predict(customer(run), one.Inputs);
                times[run] = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            }

            return times.Order().ElementAt(times.Length / 2);
        }
    }

    public void ShowTen(string customer, Pictures pictures, string path)
    {
        // The pictures stand class by class.
        using var ten = pictures.Test.Count > 10 ? pictures.Test.SplitHoldOut(10, 1).HeldOut : pictures.Test.Take(10);
        var scores = Predict(customer, ten.Inputs).Chunk(pictures.Classes.Count).ToArray();
        using var bitmap = new SKBitmap(5 * Tile, 2 * Tile);
        using var canvas = new SKCanvas(bitmap);
        Console.WriteLine("\nTen pictures that ONNX Runtime has not seen:");
        for (var place = 0; place < scores.Length; place++)
        {
            var (label, guess) = ((int)ten.Labels[place].ToInt64(), Array.IndexOf(scores[place], scores[place].Max()));
            var share = 1 / scores[place].Sum(score => MathF.Exp(score - scores[place].Max()));
            Console.WriteLine($"  {(guess == label ? "right" : "WRONG")}  {pictures.Classes[guess],-24} {share:P0}   it is {pictures.Classes[label]}");
            using var picture = ten.Inputs[place];
            Draw(canvas, picture, SKRect.Create(place % 5 * Tile, place / 5 * Tile, Tile, Tile), guess == label ? SKColors.SeaGreen : SKColors.Crimson);
        }

        AtomicFile.Write(path, stream => bitmap.Encode(stream, SKEncodedImageFormat.Png, 100));
        Console.WriteLine($"{path} shows them in this order, right in green and wrong in red.");
    }

    public void Dispose()
    {
        foreach (var value in customers.Values.SelectMany(customer => customer.Values))
            value.Dispose();
        options.Dispose();
        session.Dispose();
    }

    private static void Draw(SKCanvas canvas, torch.Tensor picture, SKRect place, SKColor frame)
    {
        const int side = Pictures.Side;
        var numbers = picture.contiguous().data<float>().ToArray();
        using var bitmap = new SKBitmap(side, side);
        for (var pixel = 0; pixel < side * side; pixel++)
            bitmap.SetPixel(pixel % side, pixel / side, new SKColor(Level(pixel, 2, 124), Level(pixel, 1, 116), Level(pixel, 0, 104)));

        canvas.DrawRect(place, new SKPaint { Color = frame });
        canvas.DrawBitmap(bitmap, SKRect.Inflate(place, -6, -6));

        byte Level(int pixel, int channel, int mean) => (byte)Math.Clamp(numbers[channel * side * side + pixel] + mean, 0, 255);
    }
}
