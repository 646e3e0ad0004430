using TorchSharp;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What a host makes of an adapter that it is given: of one file at one moment, and with a refusal that says what is wrong.</summary>
public sealed class AddedAdapterTests : IDisposable
{
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();

    public void Dispose() => pretrained.Dispose();

    [Fact]
    public void A_model_of_low_rank_is_refused_for_that()
    {
        using var host = new AdapterHost(Small.Classifier(), pretrained);
        using var model = MappingNetwork.For(Small.Classifier()).LowRank("fc1", 2).SingleLatent(24).Build();

        Assert.Contains("generates factors of low rank", Assert.Throws<CheckpointFormatException>(() => host.Add("low rank", model)).Message);
        Assert.Empty(host.Names);
    }

    [Fact]
    public void A_mapped_model_with_a_number_that_is_not_finite_is_refused()
    {
        using var host = new AdapterHost(Small.Classifier(), pretrained);
        using var model = Small.Slvt();
        using (torch.no_grad())
            model.Trainables[0].fill_(float.NaN);

        Assert.Contains("'latent' holds a number that is not finite", Assert.Throws<InvalidOperationException>(() => host.Add("nan", model)).Message);
        Assert.Empty(host.Names);
    }

    [Fact]
    public async Task A_file_that_is_replaced_by_one_of_another_kind_again_and_again_is_the_one_or_the_other()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("adapter");
        using (var mapped = Small.Slvt())
            mapped.SaveAdapter(folder.File("mapped"));
        using (var tuned = FineTuned.Build("groups", pretrained))
            tuned.SaveAdapter(folder.File("tuned"));
        File.Copy(folder.File("tuned"), path);
        using var host = new AdapterHost(Small.Classifier(), pretrained);
        using var stop = new CancellationTokenSource();
        var writer = Task.Factory.StartNew(
            () =>
            {
                for (var turn = 0; !stop.IsCancellationRequested; turn++)
                {
                    File.Copy(folder.File(turn % 2 == 0 ? "mapped" : "tuned"), folder.File("next"), overwrite: true);
                    File.Move(folder.File("next"), path, overwrite: true);
                }
            },
            TaskCreationOptions.LongRunning);
        try
        {
            for (var read = 0; read < 1000 && !writer.IsFaulted; read++)
                host.Replace("it", path);
        }
        finally
        {
            await stop.CancelAsync();
            await writer;
        }

        Assert.Equal(["it"], host.Names);
    }
}
