using TorchSharp;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// Pictures of FashionMNIST as files in the binary format of CIFAR-10: data_batch_1.bin to data_batch_5.bin and test_batch.bin. The
/// 28 x 28 pixels get a black rim of 2 and the same grey in all three colours. The pictures are real, but they are not CIFAR's.
/// </summary>
public static class FashionAsCifar
{
    private const int Side = 28;
    private const int Rim = 2;
    private const int CifarSide = Side + (2 * Rim);
    private const int Plane = CifarSide * CifarSide;
    private const int Batches = 5;

    /// <summary>Writes the six files from the first pictures of each part.</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <param name="training">How many pictures to train with, at least 5.</param>
    /// <param name="test">How many pictures to judge by, at least 1.</param>
    /// <exception cref="IOException">FashionMNIST is not where it is looked for; the message says where that is.</exception>
    public static void Write(string folder, int training, int test)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(training, Batches);
        ArgumentOutOfRangeException.ThrowIfLessThan(test, 1);
        SyntheticMarker.Write(folder);
        var (trainingPart, testPart) = FashionMnist.Load();
        using (trainingPart)
        using (testPart)
        {
            for (var batch = 0; batch < Batches; batch++)
            {
                var (first, end) = (batch * training / Batches, (batch + 1) * training / Batches);
                AtomicFile.WriteAllBytes(Path.Combine(folder, $"data_batch_{batch + 1}.bin"), Records(trainingPart, first, end - first));
            }

            AtomicFile.WriteAllBytes(Path.Combine(folder, "test_batch.bin"), Records(testPart, 0, test));
        }
    }

    private static byte[] Records(Dataset pictures, int first, int count)
    {
        using var scope = torch.NewDisposeScope();
        using var some = pictures.Slice(first, Math.Min(count, pictures.Count - first));
        // Back from the normalised numbers to the bytes they were.
        var bytes = (255 * ((some.Inputs * FashionMnist.StandardDeviation) + FashionMnist.Mean)).round().to(torch.ScalarType.Byte).contiguous().data<byte>().ToArray();
        var labels = some.Labels.data<long>().ToArray();
        var records = new byte[labels.Length * (1 + (3 * Plane))];
        for (var number = 0; number < labels.Length; number++)
        {
            var record = records.AsSpan(number * (1 + (3 * Plane)));
            record[0] = (byte)labels[number];
            for (var colour = 0; colour < 3; colour++)
                for (var row = 0; row < Side; row++)
                    bytes.AsSpan((number * Side * Side) + (row * Side), Side)
                        .CopyTo(record[(1 + (colour * Plane) + ((row + Rim) * CifarSide) + Rim)..]);
        }

        return records;
    }
}
