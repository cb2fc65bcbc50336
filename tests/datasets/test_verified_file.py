"""Local file first, checksum always, download once and whole; the only network is this machine."""

import hashlib
import http.server
import threading

import pytest

from loki_bench.datasets.published import AmazonBeauty, PublishedDataset
from loki_bench.datasets.published_files import PublishedFile
from loki_bench.datasets.verified_file import verified_file
from loki_bench.errors import DatasetError, ParameterError

CONTENT = b"1 1 2 3\n2 2 3 1\n3 3 1 2\n"


class Server(http.server.ThreadingHTTPServer):
    """Serves one answer and counts how often it was asked."""

    answer = CONTENT
    announced = len(CONTENT)
    status = 200
    n_requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.n_requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(server):
    return PublishedFile(
        dataset="toy",
        local_names=("toy.txt", "Toy_Original.txt"),
        url=f"http://127.0.0.1:{server.server_port}/Toy_Original.txt",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


def test_a_missing_file_is_downloaded_once(server, file, tmp_path):
    folder = tmp_path / "made" / "on demand"
    for _ in range(2):
        path = verified_file(file, folder, download=True)
        assert path == folder / "toy.txt"
        assert path.read_bytes() == CONTENT
    assert server.n_requests == 1
    assert [p.name for p in folder.iterdir()] == ["toy.txt"]  # and no temporary file


@pytest.mark.parametrize("name", ["toy.txt", "Toy_Original.txt"])
def test_a_local_file_is_used_under_either_name_without_the_network(server, file, tmp_path, name):
    (tmp_path / name).write_bytes(CONTENT)
    assert verified_file(file, tmp_path, download=True).read_bytes() == CONTENT
    assert server.n_requests == 0


def test_a_local_file_with_other_content_is_refused_and_left_alone(server, file, tmp_path):
    (tmp_path / "toy.txt").write_bytes(b"1 2 3\n")
    with pytest.raises(DatasetError, match=r"toy\.txt is not the published file.*SHA-256"):
        verified_file(file, tmp_path, download=True)
    assert (tmp_path / "toy.txt").read_bytes() == b"1 2 3\n"
    assert server.n_requests == 0


def test_without_permission_nothing_is_downloaded_and_the_message_says_what_to_put_where(
    server, file, tmp_path
):
    with pytest.raises(DatasetError) as caught:
        verified_file(file, tmp_path, download=False)
    assert str(caught.value) == (
        f"dataset 'toy': {tmp_path / 'toy.txt'} is missing and downloading is off; "
        f"fetch {file.url} and save it as {tmp_path / 'toy.txt'}"
    )
    assert server.n_requests == 0


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("status", 404, "404"),
        ("answer", CONTENT.replace(b"3", b"4"), "hash|SHA256"),
        ("announced", len(CONTENT) + 10, "IncompleteRead|hash|SHA256"),
    ],
)
def test_a_download_that_fails_leaves_no_file(server, file, tmp_path, attribute, value, reason):
    setattr(server, attribute, value)
    with pytest.raises(DatasetError, match=reason) as caught:
        verified_file(file, tmp_path, download=True)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(f"fetch {file.url} and save it as {tmp_path / 'toy.txt'}")
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_message_says_what_to_put_where(file, server, tmp_path):
    server.server_close()  # nobody listens any more
    with pytest.raises(DatasetError, match=r"could not be downloaded .*save it as"):
        verified_file(file, tmp_path, download=True)


def test_a_data_folder_that_is_a_file_is_one_clear_sentence(file, tmp_path):
    (tmp_path / "occupied").write_text("")
    with pytest.raises(DatasetError, match="could not be downloaded"):
        verified_file(file, tmp_path / "occupied", download=True)


def test_a_published_dataset_is_read_from_its_file(file, tmp_path):
    class Toy(PublishedDataset):
        """Three users with three items each."""

    Toy.file = file
    data = Toy(k_core=3).load(tmp_path, download=True)
    assert [row.tolist() for row in data] == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    assert data.item_tokens == ("1", "2", "3")
    with pytest.raises(DatasetError, match="nothing is left"):
        Toy().load(tmp_path, download=True)


def test_a_published_dataset_names_itself_in_errors(tmp_path):
    with pytest.raises(DatasetError, match=r"dataset 'amazon-beauty'.*beauty\.txt is missing"):
        AmazonBeauty().load(tmp_path, download=False)
    with pytest.raises(ParameterError, match="dataset 'amazon-beauty': k_core"):
        AmazonBeauty(k_core=-1)
