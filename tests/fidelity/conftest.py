import sys
from pathlib import Path

# the planted data lies beside the tests
sys.path.insert(0, str(Path(__file__).parent))
